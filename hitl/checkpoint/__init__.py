"""The stores: `memory` for scripts and tests, `database` for everything else."""
