// The limits of Azure API Management's import that no linter knows, on the flattened OpenAPI 3.0.3 document.
// usage: node apim.cjs DOCUMENT
const { readFileSync, statSync } = require('node:fs');

const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_OPERATION_ID_CHARS = 76;
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

const [path] = process.argv.slice(2);
const document = JSON.parse(readFileSync(path, 'utf8'));
const faults = [];
const expect = (holds, fault) => {
  if (!holds) {
    faults.push(fault);
  }
};

function refsIn(value, found = new Set()) {
  if (value && typeof value === 'object') {
    if (typeof value.$ref === 'string') {
      found.add(value.$ref);
    }
    Object.values(value).forEach((part) => refsIn(part, found));
  }
  return found;
}

expect(document.openapi === '3.0.3', `openapi is ${document.openapi}, not 3.0.3`);
expect(statSync(path).size <= MAX_DOCUMENT_BYTES, 'is larger than 4 MiB');
expect(document.servers?.[0]?.url.startsWith('https://'), 'the first server is not https');
for (const part of Object.keys(document.components ?? {})) {
  expect(part === 'schemas', `components.${part} is not imported`);
}

const schemas = document.components?.schemas ?? {};
for (const ref of refsIn(document)) {
  const name = ref.match(/^#\/components\/schemas\/([^/]+)$/)?.[1];
  expect(name !== undefined && name in schemas, `${ref} is not a schema of this document`);
}
for (const name of Object.keys(schemas)) {
  const reached = new Set();
  const waiting = [schemas[name]];
  while (waiting.length) {
    for (const ref of refsIn(waiting.pop())) {
      if (!reached.has(ref)) {
        reached.add(ref);
        waiting.push(schemas[ref.split('/').pop()]);
      }
    }
  }
  expect(!reached.has(`#/components/schemas/${name}`), `the schema ${name} is recursive`);
}

let operations = 0;
for (const [route, item] of Object.entries(document.paths)) {
  for (const method of METHODS.filter((method) => item[method])) {
    operations += 1;
    const operation = item[method];
    const where = `${method} ${route}`;
    for (const part of ['servers', 'security', 'callbacks']) {
      expect(!(part in operation), `${where}: ${part} is not imported`);
    }
    const id = operation.operationId ?? '';
    expect(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id), `${where}: the operationId ${id} is not lower-kebab`);
    expect(id.length <= MAX_OPERATION_ID_CHARS, `${where}: the operationId is longer than ${MAX_OPERATION_ID_CHARS}`);
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    const names = parameters.filter(({ in: place }) => place !== 'header').map(({ name }) => name);
    expect(new Set(names).size === names.length, `${where}: a parameter's name is there twice`);
    for (const parameter of parameters) {
      expect(parameter.in !== 'cookie', `${where}: cookie parameters are not imported`);
    }
    const bodies = [operation.requestBody, ...Object.values(operation.responses)];
    for (const [type, { schema }] of bodies.flatMap((body) => Object.entries(body?.content ?? {}))) {
      expect(schema === undefined || schema.$ref, `${where}: the schema of ${type} stands inline`);
    }
  }
}
expect(operations > 0, 'there are no operations');
faults.forEach((fault) => console.error(fault));
console.log(`${operations} operations, ${faults.length} faults`);
process.exitCode = faults.length ? 1 : 0;
