"""Outcomes of local runs on their way to the host: encrypted, durable, never in the way, never dropped."""

from altar_grid.outcomes.key import from_environment, from_file
from altar_grid.outcomes.log import OutcomeLimits, OutcomeLog, OutcomeStats, Place
from altar_grid.outcomes.records import Begun
from altar_grid.outcomes.ship import Answer, Sender, ShippingSettings, TransportSender
from altar_grid.outcomes.ticket import Ticket

__all__ = [
    "Answer",
    "Begun",
    "OutcomeLimits",
    "OutcomeLog",
    "OutcomeStats",
    "Place",
    "Sender",
    "ShippingSettings",
    "Ticket",
    "TransportSender",
    "from_environment",
    "from_file",
]
