"""The buyer's pages: the returns centre of one seller, without account or password."""
