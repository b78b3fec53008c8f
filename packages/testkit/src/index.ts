/** Door of @millrace/testkit: what users import. */
export {}
