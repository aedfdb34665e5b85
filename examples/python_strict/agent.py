"""A caller: looks an order up, has it refunded, and shows what is refused and why.

Environment: GRID_ENDPOINT (http://127.0.0.1:9090), GRID_TOKEN_FILE.
"""

from altar_grid import AltarClient, ToolFailed
from altar_grid.errors import InvalidToolArgs, PermissionDenied

with AltarClient() as client:
    for listing in client.list_tools():
        print(f"may call {listing.name} ({listing.effect}): {listing.description}")

    print("found:", client.call("find_order", {"number": "A-17"}))

    answer = client.execute_tool("refund", {"number": "A-17", "reason": "late"}, call_id="refund-A-17", receipt=True)
    print("refunded:", answer.value["refunded"], "on record:", answer.receipt is not None)
    # The same call id is the same call: the host answers again, and nothing is paid twice.
    print("again:", client.execute_tool("refund", {"number": "A-17", "reason": "late"}, call_id="refund-A-17").repeated)

    try:
        client.call("refund", {"number": "A-17", "reason": "late"})
    except ToolFailed as failure:
        print("the tool says:", failure.code)
    try:
        client.call("find_order", {"number": 17})
    except InvalidToolArgs as refusal:
        print("the host says:", refusal.code, "because", refusal.message)
    try:
        client.call("delete_order", {"number": "A-17"})
    except PermissionDenied as refusal:
        print("the host says:", refusal.code, "and to do is:", refusal.remediation[0])
