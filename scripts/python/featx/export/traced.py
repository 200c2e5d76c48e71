"""What the layers of a trace give. Hooks do not reach into TorchScript, and the tracer does not keep the order of a
layer's tensors: the one that is used first after the layer comes first, what nothing uses is not there."""

import torch

from . import hooks
from .torchscript import TOLERANCE, relative_l2


def first_tensors(original, traced, images):
    """For each layer that gives several tensors, there or here, or of which the trace may have another tensor, the number in
    the trace of the one that a forward hook on the original sees first; False where the trace does not have it. Names are
    the trace's: of a module that has several the tracer may choose another than the first."""
    seen = hooks.record(original, images)
    first_name = {alias: name for name, layer in seen.items() for alias in layer.aliases}
    several = {name for name, layer in seen.items() if layer.tensors > 1}
    several |= {alias for alias, name in first_name.items() if name in several}
    found, to_choose = {}, set()

    def see(name, tensors, is_doubtful):
        layer = seen.get(first_name.get(name, name))
        if layer is not None and layer.kept is not None and tensors:
            found[name] = _number(layer.kept, tensors)  # of the last call, as hooks see it
            if len(tensors) > 1 or is_doubtful or found[name] is False:
                to_choose.add(name)

    # Each graph runs once.
    with torch.no_grad(), torch.jit.optimized_execution(False):
        _Walk(several, see).run((traced._c, ""), "forward", [images.clone()])
    return {name: number for name, number in found.items() if name in to_choose}


def _number(wanted, tensors):
    for number, tensor in enumerate(tensors):
        # Written so that NaN is another tensor.
        if tensor.shape == wanted.shape and relative_l2(tensor, wanted) <= TOLERANCE:
            return number
    return False


class _Walk:
    """Over the layers of a trace that give several tensors, or are in `several`, or compute what the trace does not use:
    `see(name, tensors, is_doubtful)` has every call, in order. A module is a pair, of itself and its dotted name."""

    def __init__(self, several, see):
        self.several, self.see = several, see
        self.doubtful = {}  # by layer and method

    def run(self, module, method, inputs):
        """The calls of one module, which then run each on its own with what it was given. Of the inputs some may be
        modules, shared ones."""
        if not self.leads_to_several(module, method, inputs):
            return
        graph = module[0]._get_method(method).graph.copy()
        modules = _modules(graph, [module, *inputs])
        function, calls = _with_copies(graph)
        results = iter(function(*[value[0] if _is_module(value) else value for value in [module, *inputs]]))
        for call, given, tensors in zip(calls, results, results):
            callee, *arguments = [modules.get(value.debugName()) for value in call.inputs()]
            given = iter(given)
            self.run(callee, call.s("name"), [argument or next(given) for argument in arguments])
            is_doubtful = self.computes_more(callee, call.s("name"))
            if is_doubtful or self.gives_several(callee, call):
                self.see(callee[1], tensors, is_doubtful)

    def leads_to_several(self, module, method, inputs):
        graph = module[0]._get_method(method).graph
        if any(list(node.blocks()) for node in graph.nodes()):
            return False  # a script inside the trace: its order is the original's
        modules = _modules(graph, [module, *inputs])
        for call in graph.nodes():
            if call.kind() == "prim::CallMethod":
                callee, *arguments = [modules.get(value.debugName()) for value in call.inputs()]
                method = call.s("name")
                if self.gives_several(callee, call) or self.computes_more(callee, method) \
                        or self.leads_to_several(callee, method, arguments):
                    return True
        return False

    def gives_several(self, callee, call):
        return callee[1] in self.several or call.output().type().kind() == "TupleType"

    def computes_more(self, callee, method):
        if (callee[1], method) not in self.doubtful:
            self.doubtful[callee[1], method] = _computes_more(callee, method)
        return self.doubtful[callee[1], method]


def _computes_more(callee, method):
    """Whether it calls layers whose outcome does not reach what it returns, as featx sees it."""
    graph = callee[0]._get_method(method).graph
    needed, to_follow = set(), [graph.return_node()]
    while to_follow:
        inputs = {value.node() for value in to_follow.pop().inputs()} - needed
        needed |= inputs
        to_follow += inputs
    return any(node.kind() == "prim::CallMethod" and node not in needed and _computes(graph, callee[0], node)
               for node in graph.nodes())


def _computes(graph, owner, call):
    """Whether a call is of a layer that computes; of one that gave back its input a trace keeps as little."""
    callee = _modules(graph, [(owner, ""), *[None] * (len(list(graph.inputs())) - 1)]).get(call.inputsAt(0).debugName())
    if callee is None:
        return True
    done = callee[0]._get_method(call.s("name")).graph.nodes()
    return bool(len(torch._C.ParameterDict(callee[0]).items())) or any(
        node.kind() not in ("prim::GetAttr", "prim::Constant") for node in done)


def _modules(graph, inputs):
    """Values of a graph that are modules, by their names in it."""
    modules = {value.debugName(): given for value, given in zip(graph.inputs(), inputs, strict=True) if _is_module(given)}
    for node in graph.nodes():
        if node.kind() == "prim::GetAttr" and node.input().debugName() in modules:
            owner, prefix = modules[node.input().debugName()]
            name = node.s("name")
            value = owner.getattr(name)
            if isinstance(value, torch._C.ScriptModule):
                modules[node.output().debugName()] = (value, f"{prefix}.{name}".lstrip("."))
    return modules


def _is_module(given):
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], torch._C.ScriptModule)


def _with_copies(graph):
    """The function of a graph, and its calls. It gives, of each call, what it is given and the tensors that it gives, as
    two tuples; copies, for what comes later may work in place."""
    nodes = [*graph.nodes(), graph.return_node()]
    calls, results = [], []
    for node, following in zip(nodes, nodes[1:]):
        if node.kind() == "prim::CallMethod":
            calls.append(node)
            graph.setInsertPoint(node)
            given = [value for value in node.inputs() if value.type().kind() != "ClassType"]
            results.append(_tuple(graph, [_copied(graph, value) for value in given]))
            graph.setInsertPoint(following)
            results.append(_tuple(graph, [_copied(graph, tensor) for tensor in _tensors(graph, node.output())]))
    graph.setInsertPoint(graph.return_node())
    everything = _tuple(graph, results)
    for _ in list(graph.outputs()):
        graph.eraseOutput(0)
    graph.registerOutput(everything)
    return torch._C._create_function_from_graph("calls", graph), calls


def _tensors(graph, value):
    """In the order in which featx numbers them."""
    kind = value.type().kind()
    if kind == "TensorType":
        return [value]
    if kind != "TupleType":
        return []
    types = value.type().elements()
    unpacked = graph.insertNode(graph.create("prim::TupleUnpack", [value], len(types)))
    found = []
    for element, element_type in zip(unpacked.outputs(), types, strict=True):
        element.setType(element_type)
        found += _tensors(graph, element)
    return found


def _copied(graph, value):
    if value.type().kind() != "TensorType":
        return value
    return graph.insertNode(graph.create("aten::detach_copy", [value], 1)).output()


def _tuple(graph, values):
    made = graph.insertNode(graph.create("prim::TupleConstruct", values, 1)).output()
    made.setType(torch._C.TupleType([value.type() for value in values]))
    return made
