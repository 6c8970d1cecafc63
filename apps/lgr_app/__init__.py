"""Browser apps: thin skins over ``lgr``, and the only place that imports Gradio."""
