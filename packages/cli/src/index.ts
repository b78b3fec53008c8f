/** Door of @millrace/cli: what users import. */
export {}
