"""Which of several processes that train together this one is, as its launcher says in the environment.

torchrun: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables; Slurm: "Output environment
variables" of https://slurm.schedmd.com/srun.html; Open MPI: "Environment variables" of
https://docs.open-mpi.org/en/main/tuning-apps/environment-var.html.
"""

import os
from typing import Final

from otel_ia import semconv, values

_LAUNCHERS: Final = (
    {
        semconv.TRAINING_RANK: "RANK",
        semconv.TRAINING_LOCAL_RANK: "LOCAL_RANK",
        semconv.TRAINING_NODE_RANK: "GROUP_RANK",
        semconv.TRAINING_WORLD_SIZE: "WORLD_SIZE",
    },
    {
        semconv.TRAINING_RANK: "SLURM_PROCID",
        semconv.TRAINING_LOCAL_RANK: "SLURM_LOCALID",
        semconv.TRAINING_NODE_RANK: "SLURM_NODEID",
        semconv.TRAINING_WORLD_SIZE: "SLURM_NTASKS",
    },
    {
        semconv.TRAINING_RANK: "OMPI_COMM_WORLD_RANK",
        semconv.TRAINING_LOCAL_RANK: "OMPI_COMM_WORLD_LOCAL_RANK",
        semconv.TRAINING_WORLD_SIZE: "OMPI_COMM_WORLD_SIZE",
    },
)
"""torchrun, Slurm, Open MPI: the variables of each, the first one that tells a rank counts."""
_JOBS: Final = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID")
_NO_JOB: Final = ("", "none")
"""What torchrun says where its job has no name."""
_LONGEST_NUMBER: Final = 9
_LONGEST_NAME: Final = 256


def rank_attributes() -> dict[str, values.Value]:
    """Ranks, size of the world and name of the job; empty for a process that trains alone."""
    for launcher in _LAUNCHERS:
        found: dict[str, values.Value] = {
            name: number for name, variable in launcher.items() if (number := _number(variable)) is not None
        }
        if semconv.TRAINING_RANK in found:
            job = next((text for name in _JOBS if (text := os.environ.get(name, "")) not in _NO_JOB), None)
            return found if job is None else {**found, semconv.TRAINING_JOB: values.text(job, _LONGEST_NAME)}
    return {}


def _number(variable: str) -> int | None:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _LONGEST_NUMBER else None
