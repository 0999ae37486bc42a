// Holds custom resources against the schemas of their models. Reads a list of {file, module, name, object} from the file that
// is named, prints a line for each that is refused.
import { readFileSync } from "node:fs";

for (const { file, module, name, object } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const model = (await import(module))[name];
  try {
    new model(object).validate();
  } catch (error) {
    console.log(`${file}: ${error.message.replaceAll("\n", "; ")}`);
  }
}
