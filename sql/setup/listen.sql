LISTEN trimtab
