import os
import threading

import pytest
import torch
from torch import nn

from attrlearn.nn.tracing import trace

CALL, GETATTR = nn.Module.__call__, nn.Module.__getattr__


class Part(nn.Module):
    """Does something else, too, while it is traced."""

    def __init__(self, something_else):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.something_else = something_else

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):
        self.something_else()
        return self.layer(x)


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_what_another_thread_runs_meanwhile_is_none_of_the_graph():
    other = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    expected = other(torch.ones(1, 2))
    results = []
    graph = trace(Part(lambda: in_thread(lambda: results.append(other(torch.ones(1, 2))))))
    assert [str(node.target) for node in graph.nodes] == ["x", "layer", "output"]
    assert torch.equal(results[0], expected)


def test_threads_that_trace_at_once_leave_modules_as_they_were():
    entered, first_is_done = threading.Event(), threading.Event()
    second = Part(lambda: (entered.set(), first_is_done.wait(timeout=5)))
    graphs = []
    thread = threading.Thread(target=lambda: graphs.append(trace(second)))
    graphs.append(trace(Part(lambda: (thread.start(), entered.wait(timeout=0.3)))))
    first_is_done.set()
    thread.join()
    assert [len(graph.nodes) for graph in graphs] == [3, 3]
    assert nn.Module.__call__ is CALL
    assert nn.Module.__getattr__ is GETATTR


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_in_the_middle_has_modules_as_they_were():
    statuses = []

    def fork():
        child = os.fork()
        if child == 0:
            restored = (nn.Module.__call__, nn.Module.__getattr__) == (CALL, GETATTR)
            os._exit(0 if restored else 1)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    trace(Part(lambda: in_thread(fork)))
    assert statuses == [0]
