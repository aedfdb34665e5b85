"""A runtime that serves two contracts of a host in STRICT mode: `find_order`, which reads, and `refund`, which writes.

Environment: GRID_ENDPOINT (http://127.0.0.1:9090), GRID_TOKEN_FILE. The name that the host knows it by is in its token.
"""

import logging
from enum import Enum
from typing import TypedDict

from altar_grid import AltarRuntime, ToolError, current_call

runtime = AltarRuntime(grace=10.0)
log = logging.getLogger("orders")


class Order(TypedDict):
    number: str
    cents: int
    refunded: bool


class Reason(str, Enum):
    DAMAGED = "damaged"
    LATE = "late"


ORDERS: dict[str, Order] = {"A-17": {"number": "A-17", "cents": 4200, "refunded": False}}


@runtime.tool
async def find_order(number: str) -> Order:
    """Finds an order.

    Args:
        number: The number on the invoice, such as `A-17`.
    """
    if number not in ORDERS:
        raise ToolError("RESOURCE_NOT_FOUND", f"there is no order `{number}`; the number is on the invoice")
    return ORDERS[number]


@runtime.tool
def refund(number: str, reason: Reason, cents: int | None = None) -> Order:
    """Pays the price of an order back.

    Args:
        number: The number on the invoice.
        reason: Why.
        cents: How much; all of it where nothing is said.
    """
    order = ORDERS.get(number)
    if order is None or order["refunded"]:
        raise ToolError("BUSINESS_RULE_VIOLATION", f"the order `{number}` cannot be refunded; look at it first")
    if cents is not None and not 0 < cents <= order["cents"]:
        raise ToolError("BUSINESS_RULE_VIOLATION", f"refund between 1 and {order['cents']} cents")
    order["refunded"] = True
    call = current_call()
    log.info("refunded %s: %s (%s)", number, reason.value, call.invocation_id if call else "called directly")
    return order


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    runtime.run()
