import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { demoTenants } from './callers';
import { Explorer } from './Explorer';

const [bar, explorer] = [document.getElementById('bar'), document.getElementById('explorer')];
if (bar === null || explorer === null) throw new Error('the page has no place for GraphiQL');
const offered = document.documentElement.dataset.demo;
const tenants = offered === 'offered' ? await demoTenants() : [];
createRoot(explorer).render(
  <StrictMode>
    <Explorer bar={bar} tenants={tenants} demoElsewhere={offered === 'elsewhere'} />
  </StrictMode>,
);
