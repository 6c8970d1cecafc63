"""One calm look for all tabs: paper and ink, one accent, fonts of the visitor's own machine, light and dark.

Nothing is asked of another host: Gradio's own themes may fetch fonts, this one names only what is installed.
"""

from typing import Any

import gradio as gr

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Ubuntu", "Cantarell", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

CSS = """
.dark { --color-accent: var(--primary-400); }
.gradio-container { max-width: 1200px !important; margin: 0 auto !important; width: 100%; }
.gradio-container main, .gradio-container .main, .gradio-container .wrap { min-width: 0; }
.lgr-numbers table { border: 1px solid var(--border-color-primary) !important; }
.lgr-head h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 0.15rem; letter-spacing: -0.01em; }
.lgr-head p, .lgr-caption p { color: var(--body-text-color-subdued); margin: 0; }
.lgr-caption p { font-size: var(--text-sm); line-height: 1.45; }
.lgr-figure { margin: 0; }
.lgr-figure img { width: 100%; max-width: 860px; background: #fff; border-radius: var(--radius-md); }
.lgr-figure figcaption { color: var(--body-text-color-subdued); font-size: var(--text-sm); margin-top: 0.4rem; }
.lgr-status { font-size: var(--text-md); }
.lgr-numbers table { width: 100%; border-collapse: collapse; border: 0 !important; font-size: var(--text-md); }
.lgr-numbers table th, .lgr-numbers table td {
  padding: 0.3rem 0.6rem; border: 0; border-bottom: 1px solid var(--border-color-primary);
  text-align: left; font-weight: 400;
}
.lgr-numbers table td:nth-child(2) {
  white-space: nowrap; text-align: right; font-weight: 600; font-variant-numeric: tabular-nums;
}
.lgr-numbers table td:last-child { color: var(--body-text-color-subdued); font-size: var(--text-sm); }
.lgr-wide { overflow-x: auto; }
.lgr-wide table { font-variant-numeric: tabular-nums; }
.lgr-numbers.lgr-wide table td, .lgr-numbers.lgr-wide table thead th {
  padding: 0.3rem 0.4rem; text-align: right; font-weight: 400; font-size: var(--text-sm); color: var(--body-text-color);
}
.lgr-numbers.lgr-wide table th:first-child { text-align: left; min-width: 9rem; }
.lgr-cards {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: 0.75rem;
  list-style: none; margin: 0; padding: 0;
}
.lgr-cards li {
  background: var(--block-background-fill); border: 1px solid var(--border-color-primary);
  border-radius: var(--radius-md); padding: 0.75rem; min-width: 0; margin: 0;
}
.lgr-cards h3 { font-size: var(--text-md); font-weight: 600; margin: 0 0 0.4rem; }
.lgr-cards img { width: 100%; border-radius: var(--radius-sm); background: #fff; margin: 0 0 0.4rem; }
.lgr-cards audio, .lgr-switch audio:not([hidden]) { width: 100%; display: block; height: 40px; }
.lgr-cards dl { margin: 0.5rem 0 0; font-size: var(--text-sm); }
.lgr-cards dl div { display: flex; justify-content: space-between; gap: 0.5rem; }
.lgr-cards dt { color: var(--body-text-color-subdued); }
.lgr-cards dd { margin: 0; font-variant-numeric: tabular-nums; }
.lgr-cards p { margin: 0.5rem 0 0; font-size: var(--text-sm); }
.lgr-cards a { color: var(--link-text-color); margin-right: 0.75rem; }
.lgr-why { color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
.lgr-switch > div { display: flex; flex-wrap: wrap; gap: 0.4rem; margin-bottom: 0.5rem; }
.lgr-switch button {
  border: 1px solid var(--border-color-primary); border-radius: var(--radius-md); padding: 0.4rem 0.9rem;
  background: var(--block-background-fill); color: var(--body-text-color); cursor: pointer; min-height: 40px;
  margin: 0; font-weight: 500; font-size: var(--text-md);
}
.lgr-switch button[aria-pressed=true] { background: var(--button-primary-background-fill); color: white; }
button:focus-visible, input:focus-visible, [role=tab]:focus-visible, canvas:focus-visible {
  outline: 2px solid var(--color-accent); outline-offset: 2px;
}
button.playback { color: var(--body-text-color-subdued) !important; }
@media (max-width: 640px) {
  .gradio-container { padding: 0.5rem !important; }
  [role=tab] { padding-left: 0.5rem !important; padding-right: 0.5rem !important; }
  .lgr-numbers th, .lgr-numbers td { padding: 0.3rem; }
  .gradio-container { padding-bottom: 5rem !important; }
  /* always within reach: the controls above it are several screens long */
  .lgr-go {
    position: fixed !important; left: 0.5rem; right: 0.5rem; bottom: 0.5rem; width: auto !important; z-index: 20;
  }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation-duration: 0s !important; } }
"""


def theme() -> Any:
    """The theme, for ``launch(theme=...)``."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=FONT,
        font_mono=MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_label_text_size="*text_sm",
        block_title_text_weight="500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        color_accent="*primary_700",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        slider_color="*primary_700",
        slider_color_dark="*primary_500",
    )
