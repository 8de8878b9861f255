"""Moves a world's clocks to a time of the Indian day."""

from datetime import datetime, timedelta

from kite_operator.model.expiry import IST
from support.world import World


def move_to(world: World, clock_time: str) -> None:
    """To the next `clock_time` (HH:MM:SS) Indian time."""
    now = datetime.fromtimestamp(world.clock.now(), IST)
    hours, minutes, seconds = (int(part) for part in clock_time.split(":"))
    then = now.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    world.clock.move(((then if then > now else then + timedelta(days=1)) - now).total_seconds())
