"""Draws the cases on which prompts with other files are measured against prompts without, from real packages.

It makes prompts as the server does and runs no model; `plt_engine.evaluation` does that with what is drawn here.
"""
