// Holds dashboards against Grafana's own types: dashboard_schema.mjs FILE…
// Prints what does not fit, one line each; the exit status is 1 if anything does not.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import Ajv from "ajv";
import { createGenerator } from "ts-json-schema-generator";

const types = path.join(path.dirname(createRequire(import.meta.url).resolve("@grafana/schema/package.json")),
  "dist/types/raw/dashboard/x/types.gen.d.ts");
const schema = createGenerator({ path: types, type: "Dashboard", skipTypeCheck: true }).createSchema("Dashboard");
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
let failed = false;

for (const file of process.argv.slice(2)) {
  if (validate(JSON.parse(readFileSync(file, "utf8")))) continue;
  failed = true;
  for (const e of validate.errors.slice(0, 20))
    console.log(`${path.basename(file)}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
}
process.exit(failed ? 1 : 0);
