// Every example of docs/asyncapi.json against the schema of its message: JSON Schema draft-07, which AsyncAPI's own schemas
// are a superset of. usage: node asyncapi.cjs DOCUMENT
const { readFileSync } = require('node:fs');
const Ajv = require('ajv');
const addFormats = require('ajv-formats');

const [path] = process.argv.slice(2);
const document = JSON.parse(readFileSync(path, 'utf8'));

// Strictly, so that a keyword that is misspelt is found.
const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false });
addFormats(ajv);
const { schemas, messages } = document.components;
// The document itself is no schema: what a message refers to becomes the definitions of one.
const asSchema = (part) => JSON.parse(JSON.stringify(part).replaceAll('"#/components/schemas/', '"#/definitions/'));
const definitions = asSchema(schemas);
const compile = (part) => ajv.compile({ definitions, allOf: [asSchema(part)] });

let examples = 0;
const faults = [];
const check = (name, validate, value) => {
  if (!validate(value)) {
    faults.push(...validate.errors.map((error) => `${name}${error.instancePath} ${error.message}`));
  }
};
for (const message of Object.values(messages)) {
  const [payload, headers] = [compile(message.payload), compile(message.headers)];
  for (const example of message.examples ?? []) {
    examples += 1;
    check(`${example.name}: payload`, payload, example.payload);
    check(`${example.name}: headers`, headers, example.headers ?? {});
  }
}
if (examples === 0) {
  faults.push('there are no examples');
}
faults.forEach((fault) => console.error(fault));
console.log(`${examples} examples, ${faults.length} faults`);
process.exitCode = faults.length ? 1 : 0;
