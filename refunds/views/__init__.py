"""The portal door to refunds: the list, the page of one, a form per decision."""
