"""Rules that every generated record keeps by construction.

The columns of a rule are replaced before they are encoded by columns of which any values keep the rule: a discharge by
the days since the admission, a total by its parts, a group of yes-or-no columns by one of categories.

`fit` plans this for a table: `declared` checks the rules of its schema, `order` chooses which column each rule replaces
(an `arrangement`), and `fit_steps` fits the replacements (`steps`). The `plan` replaces and restores the columns, and
`shown` writes their values as they were written. `apart` is about unique rules.
"""
