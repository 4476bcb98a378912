"""Exact refactorings of Python: what they change, the program does as before, or they refuse in one sentence.

They know no protocol and no model. Two tools share the work, each where it is the better one. Python's own `ast` finds
what a selection is, whose each variable is and where control can go; the changes are splices of the text, so that
comments and layout stay. rope finds what means the same thing in other files and behind attributes, for renaming; it is
asked for places only, and every place is checked again here. Its extraction was tried first and is not used: of ten
small functions it broke seven (a call that awaits put into a plain function, text inside a string indented anew, a
variable that only some paths assign, one that an exception handler reads, one that a closure sees change, one that may
be unbound, and a call that `and` would have skipped). Nor is it asked about a file's own variables: it renames one of a
comprehension that shadows them, and does not know keyword-only arguments. libcst keeps layout too, but knows no flow,
and nothing here needs to write a tree back. rope is LGPL-3.0-or-later, used unchanged as a dependency, and loaded only
to rename.
"""
