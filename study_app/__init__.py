"""The Streamlit app of a study: a thin skin over srbench.study, with its image viewer."""
