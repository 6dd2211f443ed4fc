import type { Compilable } from 'kysely';
import type { QueryBuilder } from './tables.js';

/** Stands in a query for a value that comes later. */
class StandIn {
  constructor(readonly name: string) {}
}

const standIns = new Proxy({}, { get: (_target, name) => new StandIn(String(name)) });

type Built = ReturnType<Compilable['compile']>;

/**
 * A query that every request or login asks, built once for each database and shape: to build one takes longer than SQLite
 * takes to answer it.
 * @param build places the values it is given, and does not look at them: they are stand-ins. Only `shape` is what it is.
 */
export function fixed<Given extends object, Row, Shape extends string>(
  build: (db: QueryBuilder, given: Given, shape: Shape) => Compilable<Row>,
): (db: QueryBuilder, given: Given, shape?: Shape) => Compilable<Row> {
  const all = new WeakMap<QueryBuilder, Map<Shape, Built>>();
  return (db, given, shape = '' as Shape) => {
    const built = all.get(db) ?? new Map<Shape, Built>();
    const query = built.get(shape) ?? build(db, standIns as Given, shape).compile();
    all.set(db, built.set(shape, query));
    const parameters = query.parameters.map((parameter) =>
      parameter instanceof StandIn ? given[parameter.name as keyof Given] : parameter,
    );
    return { compile: () => ({ ...query, parameters }) };
  };
}
