"""The Streamlit app of a study: the screens for srbench.study, with an image viewer."""
