"""Engine `ethos_u`: Arm's compiler vela, and what it says."""
