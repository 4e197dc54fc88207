// The conformance suite names `globSync` of Node 22 in an import, for a command that is not run here. An older Node is given one.
import fs from 'node:fs';
import { register } from 'node:module';

const asModule = (text) => `data:text/javascript,${encodeURIComponent(text)}`;
if (!fs.globSync) {
  const names = Object.keys(fs).filter((name) => /^[A-Za-z]+$/.test(name));
  const shim = asModule(`
    import fs from 'node:fs';
    export default fs;
    export const globSync = () => [];
    export const { ${names.join(', ')} } = fs;`);
  register(asModule(`
    const isOfTheSuite = (url) => url?.includes('/@modelcontextprotocol/conformance/');
    export const resolve = (specifier, context, next) => specifier === 'fs' && isOfTheSuite(context.parentURL)
      ? { url: ${JSON.stringify(shim)}, shortCircuit: true }
      : next(specifier, context);`));
}
