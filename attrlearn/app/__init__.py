"""The page of ``attrlearn app``: images by upload or camera, their attributes and a table."""
