"""Spoken words on NPUs, from recordings that are brought along."""
