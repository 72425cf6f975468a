"""Orders: what was sold, made by imports and by programs, looked at by everybody else."""
