"""The pages of the returns centre."""
