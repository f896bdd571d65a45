"""What was asked for, as records: the YAML of a contract, of a board, and the data set's card.

Everything that can be wrong with a contract is found here, before anything is started. Imports
`architecture`, `yaml_file` and the ground floor.
"""
