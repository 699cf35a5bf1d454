"""Streams, events, captures and graphs of the stand-in, and who has to wait for whom.

Work is done at the moment it is submitted, so nothing here is concurrent; but every stream has a clock, and every
block of memory remembers who last read and wrote which bytes of it, and when. Work that reads or overwrites what
another stream did, without an event, a synchronisation or the null stream between them, is refused: on a GPU it would
be right on most days. In a capture, work becomes a node instead; the nodes' order is that of streams and events.
"""

import contextlib
import itertools
import time
import weakref

from .errors import CUDARuntimeError, StandInError
from .graphs import Capture


class State:
    """What the one device is doing."""

    capture = None  # the capture that is on
    stack = ()  # current streams, the innermost last
    streams = None  # {address: stream}, of those that are alive
    done = None  # {stream's address: the time of its last work}, of streams that are gone too
    blocking = None  # of those that the null stream waits for
    host = None  # what the host has waited for: {stream's address: its time}
    host_reads = 0  # how often the host read device memory
    device_only = 0  # how many blocks forbid that
    era = 0  # how often all was reset: what was done before is done


def reset():
    """As after a start: the null stream is current, nothing is captured, all work is done."""
    State.capture = None
    State.device_only = 0
    State.stack = [null]
    State.host, State.done, State.blocking = {}, {}, {}
    State.era += 1
    for stream in State.streams.values():
        stream.clock = {}


def refuse_in_capture(what):
    """Raise if a capture is on."""
    if State.capture is not None:
        raise StandInError(f"the current stream is capturing, and {what}")


@contextlib.contextmanager
def device_only():
    """In this block nothing may be copied to the host, also not by CuPy itself, as for the size of a result."""
    State.device_only += 1
    try:
        yield
    finally:
        State.device_only -= 1


def host_read(what):
    """Note that the host reads device memory, and so waits for it; refuse it where that must not be."""
    State.host_reads += 1
    if State.device_only:
        raise StandInError(f"{what} reads device memory from the host, where nothing may")


def refuse_copy(direction):
    """Raise CuPy's own sentence if a capture is on."""
    if State.capture is not None:
        raise RuntimeError(f"the current stream is capturing, so {direction} transfers are disallowed")


def capturing(address):
    """Whether the stream at this address is in the capture."""
    return State.capture is not None and address in State.capture.ends


def submit(address, name, work, reads=(), writes=(), detail=""):
    """Work for the stream at this address: a node if it is captured, else done now. ``reads``, ``writes``: spans."""
    stream = State.streams.get(address)
    if stream is None:
        raise StandInError(f"there is no stream at {address}: was it destroyed?")
    if capturing(address):
        State.capture.add(stream, name, work, reads, writes, detail)
        return
    if State.capture is not None and (stream is null or not stream.non_blocking):
        State.capture.broken = True
        raise CUDARuntimeError(906, "cudaErrorStreamCaptureImplicit", "operation would make the legacy stream depend")
    touch(stream, name, reads, writes)
    work()


def run(name, work, reads=(), writes=(), detail="", stream=None):
    """Prepared work (a kernel of a module, a memset, a copy on the device) for the current or another stream."""
    submit((stream or current()).ptr, name, work, reads, writes, detail)


def touch(stream, name, reads=(), writes=()):
    """Note work of a stream, and refuse it if it is not ordered behind what it meets in memory."""
    now = stream.tick()
    for spans, kind in ((reads, "reads"), (writes, "writes")):
        for block, start, stop in spans:
            block.history.note(stream, now, name, kind, start, stop)


def current():
    """The current stream."""
    return State.stack[-1]


def join(clock, other):
    """Raise every time of ``clock`` to that of ``other``."""
    for key, when in other.items():
        if clock.get(key, 0) < when:
            clock[key] = when


class History:
    """Who read and wrote which bytes of a block: the last accesses of each stream."""

    def __init__(self):
        self.entries = []  # (start, stop, kind, stream's address, its time, name)
        self.era = State.era

    def note(self, stream, now, name, kind, start, stop):
        """Note an access, refuse it if it is not ordered, and forget what it makes superfluous."""
        if self.era != State.era:
            self.era, self.entries = State.era, []
        kept = []
        clock = stream.clock
        for entry in self.entries:
            a, b, did, who, when, what = entry
            meets = a < stop and start < b
            if meets and "writes" in (kind, did) and clock.get(who, 0) < when:
                raise StandInError(
                    f"{name} on stream {stream.ptr} {kind} what {what} on stream {who} {did}, and nothing orders them: "
                    "let one stream wait for an event of the other, or synchronise"
                )
            inside = start <= a and b <= stop
            if inside and (kind == "writes" or (did == "reads" and who == stream.ptr)):
                continue  # who comes after this access comes after that one
            kept.append(entry)
        kept.append((start, stop, kind, stream.ptr, now, name))
        self.entries = kept


class Stream:
    """cupy.cuda.Stream. ``clock``: the time of every stream up to which this one has waited for it."""

    _addresses = itertools.count(0x5000, 0x10)

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
        self.ptr = 0 if null else next(self._addresses)
        self.non_blocking = non_blocking
        self.device_id = 0
        self.clock = {}
        if not null:
            State.streams[self.ptr] = self
        elif 0 in State.streams:
            raise StandInError("there is one null stream: Stream.null")
        else:
            State.streams[0] = self

    def __eq__(self, other):
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self):
        return self.ptr

    def __repr__(self):
        return f"<Stream {self.ptr} (device 0)>"

    def tick(self):
        """The time of this stream's next work, which comes after all that the stream and the host waited for."""
        join(self.clock, State.host)
        if not self.ptr:
            join(self.clock, State.blocking)
        elif not self.non_blocking:
            join(self.clock, State.streams[0].clock)
        now = self.clock.get(self.ptr, 0) + 1
        self.clock[self.ptr] = State.done[self.ptr] = now
        if self.ptr and not self.non_blocking:
            join(State.blocking, self.clock)
        return now

    def __enter__(self):
        State.stack.append(self)
        return self

    def __exit__(self, *exc):
        State.stack.pop()

    def use(self):
        State.stack[-1] = self
        return self

    def _asked(self, what):
        """Waiting for a captured stream, or asking about it, breaks the capture."""
        if capturing(self.ptr):
            State.capture.broken = True
            text = f"operation not permitted when stream is capturing: {what}"
            raise CUDARuntimeError(900, "cudaErrorStreamCaptureUnsupported", text)

    def synchronize(self):
        self._asked("synchronize")
        self.tick()
        join(State.host, self.clock)

    @property
    def done(self):
        self._asked("done")
        return True

    def record(self, event=None):
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event):
        if event.nodes is not None:
            if event.capture is not State.capture:
                raise CUDARuntimeError(905, "cudaErrorStreamCaptureMerge", "the event is of a capture that is over")
            State.capture.wait(self, event.nodes)
            return
        if capturing(self.ptr):
            text = "dependency created on uncaptured work in another stream"
            State.capture.broken = True
            raise CUDARuntimeError(907, "cudaErrorStreamCaptureIsolation", text)
        if event.clock is not None:
            join(self.clock, event.clock)

    def begin_capture(self, mode=None):
        if not self.ptr:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if State.capture is not None:
            raise CUDARuntimeError(900, "cudaErrorStreamCaptureUnsupported", "operation not permitted")
        State.capture = Capture(self)

    def end_capture(self):
        capture = State.capture
        if capture is None or self.ptr not in capture.ends:
            raise CUDARuntimeError(401, "cudaErrorIllegalState", "the stream is not capturing")
        if self != capture.origin:
            raise CUDARuntimeError(905, "cudaErrorStreamCaptureUnmatched", "the capture began on another stream")
        State.capture = None
        return capture.graph()

    def is_capturing(self):
        return capturing(self.ptr)

    @property
    def is_non_blocking(self):
        return self.non_blocking


class Event:
    """cupy.cuda.Event: a time of a stream, or nodes of the capture."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.clock = self.nodes = self.capture = self._seconds = None
        self._timed = not disable_timing

    def record(self, stream=None):
        stream = stream or current()
        if capturing(stream.ptr):
            self.nodes, self.capture, self.clock = State.capture.ends[stream.ptr], State.capture, None
            return
        stream.tick()
        self.nodes, self.capture, self.clock = None, None, dict(stream.clock)
        self._seconds = time.perf_counter()

    def synchronize(self):
        if self.nodes is not None:
            raise CUDARuntimeError(907, "cudaErrorCapturedEvent", "operation not permitted on an event of a capture")
        join(State.host, self.clock or {})

    @property
    def done(self):
        if self.nodes is not None:
            raise CUDARuntimeError(907, "cudaErrorCapturedEvent", "operation not permitted on an event of a capture")
        return True


def get_elapsed_time(start, stop):
    """Milliseconds between two events: here, of the host."""
    if None in (start._seconds, stop._seconds) or not (start._timed and stop._timed):
        raise CUDARuntimeError(400, "cudaErrorInvalidResourceHandle", "invalid resource handle")
    return 1000 * (stop._seconds - start._seconds)


def get_current_stream(device_id=-1):
    return current()


def synchronize_device():
    """cudaDeviceSynchronize: the host waits for every stream."""
    if State.capture is not None:
        State.capture.broken = True
        raise CUDARuntimeError(900, "cudaErrorStreamCaptureUnsupported", "operation not permitted when capturing")
    join(State.host, State.done)


State.streams = weakref.WeakValueDictionary()
null = Stream(null=True)
Stream.null = null
reset()
