"""Which stages a contract has, and on what each of them depends."""
