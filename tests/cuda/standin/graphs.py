"""A capture that becomes a graph, and the graph that can be launched."""

import weakref

from .errors import CUDARuntimeError, StandInError


class Node:
    """One piece of recorded work. ``before``: the nodes that it comes after, directly."""

    def __init__(self, name, work, before, reads, writes, detail):
        self.name, self.work, self.before, self.detail = name, work, before, detail
        # a graph keeps nothing alive: whoever captured must
        self.reads = [(weakref.ref(block), start, stop) for block, start, stop in reads]
        self.writes = [(weakref.ref(block), start, stop) for block, start, stop in writes]

    def meets(self, other):
        """Whether one of the two writes what the other touches."""
        pairs = ((self.writes, other.writes), (self.writes, other.reads), (self.reads, other.writes))
        return any(
            block() is other_block() and a < d and c < b
            for mine, theirs in pairs
            for block, a, b in mine
            for other_block, c, d in theirs
        )


class Capture:
    """What is recorded between begin_capture and end_capture. ``ends``: the last nodes of every stream in it."""

    def __init__(self, origin):
        self.origin = origin
        self.nodes = []
        self.ends = {origin.ptr: frozenset()}
        self.broken = False

    def add(self, stream, name, work, reads, writes, detail):
        """Record work of a stream, behind what came before on it."""
        before = sorted(self.ends[stream.ptr])
        self.nodes.append(Node(name, work, before, reads, writes, detail))
        self.ends[stream.ptr] = frozenset({len(self.nodes) - 1})

    def wait(self, stream, nodes):
        """A stream waits for an event of the capture, and so belongs to it."""
        self.ends[stream.ptr] = self.ends.get(stream.ptr, frozenset()) | nodes

    def _ancestors(self):
        """For each node, all nodes that come before it."""
        found = []
        for node in self.nodes:
            above = set(node.before)
            for i in node.before:
                above |= found[i]
            found.append(above)
        return found

    def graph(self):
        """The graph, if every stream came back and no two nodes race."""
        if self.broken:
            text = "operation failed due to a previous error during capture"
            raise CUDARuntimeError(901, "cudaErrorStreamCaptureInvalidated", text)
        above = self._ancestors()
        reached = set(self.ends[self.origin.ptr])
        for i in self.ends[self.origin.ptr]:
            reached |= above[i]
        if len(reached) < len(self.nodes):
            text = "capturing stream has unjoined work"
            raise CUDARuntimeError(904, "cudaErrorStreamCaptureUnjoined", text)
        for i, node in enumerate(self.nodes):
            for j in range(i):
                if j not in above[i] and node.meets(self.nodes[j]):
                    raise StandInError(
                        f"{self.nodes[j].name} (node {j}) and {node.name} (node {i}) use the same memory, one of them "
                        "writes it, and nothing orders them: let one stream wait for an event of the other"
                    )
        return Graph(self.nodes)


class Graph:
    """cupy.cuda.Graph: made by a capture, done at each launch."""

    def __init__(self, nodes):
        if nodes is None:
            raise NotImplementedError("a graph is made by a capture")
        self.nodes = nodes

    def launch(self, stream=None):
        from .streams import current, refuse_in_capture, touch

        refuse_in_capture("a graph is launched")
        stream = stream or current()
        reads, writes = [], []
        for i, node in enumerate(self.nodes):
            for spans, alive in ((node.reads, reads), (node.writes, writes)):
                for block, start, stop in spans:
                    if block() is None:
                        raise StandInError(f"{node.name} (node {i}) uses memory that was freed after the capture")
                    alive.append((block(), start, stop))
        touch(stream, "a graph", reads, writes)
        for node in self.nodes:
            node.work()

    def upload(self, stream=None):
        pass

    def debug_dot_str(self, flags=0):
        lines = ["digraph dot {", "subgraph cluster_1 {", 'label="graph_1" graph[style="dashed"];']
        for i, node in enumerate(self.nodes):
            if node.name in ("MEMSET", "MEMCPY"):
                shape, brief = "trapezium", f"{i}\n{node.name}\n"
                verbose = f"{{\n{node.name}\n| {{{{ID | node handle}} | {{{i} (topoId: {i}) | 0x0}}}}\n}}"
            else:
                label = f"{node.name}\\<\\<\\<{node.detail or '1,1,0'}\\>\\>\\>"
                shape, brief = "octagon", f"{i}\n{label}\n"
                verbose = f"{{KERNEL\n| {{ID | {i} (topoId: {i}) | {label}}}\n| {{priority | 0}}\n}}"
            shape, label = ("record", verbose) if flags else (shape, brief)
            lines.append(f'"graph_1_node_{i}"[style="bold" shape="{shape}" label="{label}"];')
        for i, node in enumerate(self.nodes):
            lines += [f'"graph_1_node_{j}" -> "graph_1_node_{i}" [headlabel=0];' for j in node.before]
        return "\n".join([*lines, "}", "}\n"])
