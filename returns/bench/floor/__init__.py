"""The floor of the flow: what four bare Django and Django REST framework calls cost, and nothing of ours."""
