"""The portal door to returns: lists, the page of one, a form per decision; the same anatomy in each module."""
