"""Rules that every generated record keeps by construction.

The columns of a rule are replaced before they are encoded by columns of which any values keep the rule: a discharge by
the days since the admission, a total by its parts, a group of yes-or-no columns by one of categories. `shown` writes
values as their column had them, `steps` has one such replacement each, `order` chooses them for the rules at hand, and
`plan` replaces and restores the columns of a table.
"""
