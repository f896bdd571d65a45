"""Agents: what each must do whatever it proposes, and what is particular to one."""
