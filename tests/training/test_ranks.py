"""Which process of several trains here, as launchers say it."""

import pytest

from otel_ia import training

VARIABLES = [
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"),
    *("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_JOB_ID"),
    *("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"),
]
TORCHRUN = {"RANK": "5", "LOCAL_RANK": "1", "GROUP_RANK": "2", "WORLD_SIZE": "8", "TORCHELASTIC_RUN_ID": "none"}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_JOB_ID": "4711",
}
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, {}),
        (TORCHRUN, {"rank": 5, "local_rank": 1, "node_rank": 2, "world_size": 8}),
        (
            {**TORCHRUN, "TORCHELASTIC_RUN_ID": "night"},
            {"rank": 5, "local_rank": 1, "node_rank": 2, "world_size": 8, "job": "night"},
        ),
        (SLURM, {"rank": 3, "local_rank": 0, "node_rank": 3, "world_size": 4, "job": "4711"}),
        ({**SLURM, **TORCHRUN}, {"rank": 5, "local_rank": 1, "node_rank": 2, "world_size": 8, "job": "4711"}),
        (OPEN_MPI, {"rank": 1, "local_rank": 1, "world_size": 2}),
        ({"RANK": "first", "WORLD_SIZE": "8"}, {}),
        ({"RANK": "9" * 30}, {}),
        ({"RANK": "٣"}, {}),
        ({"WORLD_SIZE": "8"}, {}),
    ],
)
def test_all_spans_of_a_run_have_the_rank(telemetry, monkeypatch, environment, said):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for _ in training.epochs(1):
        list(training.steps([1]))
    names = ("rank", "local_rank", "node_rank", "world_size", "job")
    for span in telemetry.spans:
        found = {name: span.attributes.get(f"ia.training.{name}") for name in names}
        assert {name: value for name, value in found.items() if value is not None} == said


def test_gauges_of_several_processes_are_told_apart_by_rank(telemetry, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    for _ in training.epochs(1):
        training.record(loss=0.5)
    assert telemetry.metric("ia.training.loss").attributes == {"ia.operation": "epoch", "ia.training.rank": 1}
