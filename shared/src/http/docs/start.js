// Shows the operations of /openapi.json, ready to be tried.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#operations",
  deepLinking: false,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // The document is checked where it is made; nothing is sent to a validator elsewhere.
  validatorUrl: null,
});
