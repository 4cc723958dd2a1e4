"""Sessions get as many threads as the process has cores for, and no more."""

import pytest

from infolens.ml.onnx_session import cpu_share, owns_processors, usable_cores


@pytest.mark.parametrize(
    ("memory", "cores", "threads"),
    [
        ("128", 2, 1),  # a fraction of a core is still one thread
        ("1769", 2, 1),
        ("2211", 6, 1),  # a quarter of a core more is not worth a thread
        ("2212", 6, 2),
        ("3538", 2, 2),
        ("10240", 6, 6),  # 5.8 cores
        ("10240", 2, 2),  # never more than there are
        ("", 4, 4),  # not in Lambda
    ],
)
def test_lambda_memory_decides(tmp_path, memory, cores, threads):
    """Lambda gives a core per 1769 MB."""
    env = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory} if memory else {}
    assert cpu_share(env, cores, tmp_path / "missing") == threads


@pytest.mark.parametrize(("quota", "threads"), [("max 100000\n", 8), ("200000 100000\n", 2), ("50000 100000\n", 1)])
def test_a_container_quota_decides(tmp_path, quota, threads):
    """A container's CPU quota counts where there is one."""
    (tmp_path / "cpu.max").write_text(quota)
    assert cpu_share({}, 8, tmp_path / "cpu.max") == threads


def test_usable_cores():
    """There is at least one core to run on."""
    assert usable_cores() >= 1


@pytest.mark.parametrize(
    ("memory", "threads", "owned"), [("3538", 2, True), ("3537", 2, False), ("1769", 1, False), ("", 2, False)]
)
def test_processors_of_ones_own(memory, threads, owned):
    """Only a Lambda function of a whole processor for each thread may let one spin: elsewhere others need the time."""
    assert owns_processors({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory} if memory else {}, threads) is owned
