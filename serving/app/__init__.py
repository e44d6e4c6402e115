"""A page in the browser that shows what a served model says of images. Streamlit runs `page.py`."""
