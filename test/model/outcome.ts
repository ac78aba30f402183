/** What an application gets: a result, or a positive errno. */
export type Outcome<T> = { readonly ok: T } | { readonly errno: number };
