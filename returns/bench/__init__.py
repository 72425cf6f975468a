"""`manage.py bench`: how fast is it, as ratios to a floor measured in the same run on the same machine."""
