/** An object as it is, but for some of its methods: a bug put in, or a part left out. */

/** `undefined` takes a method away. */
export type Replacements<T> = { readonly [K in keyof T]?: T[K] | undefined };

export function replaced<T extends object>(target: T, methods: Replacements<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
