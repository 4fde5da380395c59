"""Events, as `GET /events` streams them."""

from wharf.schema.struct import Struct, omit, wire, zero


class EventActor(Struct):
    """The thing an event is about; its name and labels are attributes."""

    id: str = wire("", name="ID")
    attributes: dict[str, str] | None = None


class EventMessage(Struct):
    """One event; `status`, `id` and `from_` are the old form, for containers and images only.

    `time` is in seconds, `time_nano` in nanoseconds since 1970.
    """

    status: str = omit("", name="status")
    id: str = omit("", name="id")
    from_: str = omit("", name="from")
    type: str = ""
    action: str = ""
    actor: EventActor = zero(EventActor)
    scope: str = omit("", name="scope")
    time: int = omit(0, name="time")
    time_nano: int = omit(0, name="timeNano")
