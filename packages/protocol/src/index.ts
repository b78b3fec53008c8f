/** Door of @millrace/protocol: what users import. */
export {}
