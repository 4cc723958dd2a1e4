"""A state machine as a graph: which states may follow which."""


def following(state):
    """Every state that may come after this one."""
    edges = [state[key] for key in ("Next", "Default") if key in state]
    return edges + [branch["Next"] for key in ("Choices", "Catch") for branch in state.get(key, ())]


def reachable(graph, start=None):
    """Every state that may come after `start`, or after the graph's first one, itself included."""
    seen, ahead = set(), [start or graph["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += following(graph["States"][name])
    return seen
