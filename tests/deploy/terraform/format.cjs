// Names the files whose layout is not that of `terraform fmt`, by HashiCorp's own formatter (hclwrite), which is in hcl-tools
// as WebAssembly.
'use strict';
const fs = require('fs');
const { format } = require('@cdktn/hcl-tools');

(async () => {
  for (const file of process.argv.slice(2)) {
    const text = fs.readFileSync(file, 'utf8');
    if ((await format(text)) !== text) console.log(file);
  }
  process.exit(0); // Its WebAssembly would wait for more.
})().catch((error) => {
  console.error(error);
  process.exit(2);
});
