import { GraphiQL } from 'graphiql';
import { useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { Bar } from './Bar';
import { type CallerName, type DemoTenant, factsOf, firstCaller, tokenOf } from './callers';
import { examples, textsOf } from './examples';
import { fetcherOf } from './fetcher';
import { pageStorage, remember, remembered } from './storage';

export interface ExplorerProps {
  /** Where the bar above GraphiQL goes: it is part of its state and not of its box. */
  readonly bar: HTMLElement;
  readonly tenants: readonly DemoTenant[];
  readonly demoElsewhere: boolean;
}

/** GraphiQL on the graph of this server, asked as whoever is chosen in the bar. */
export function Explorer({ bar, tenants, demoElsewhere }: ExplorerProps) {
  const [caller, setCaller] = useState(() => firstCaller(remembered.caller(), tenants));
  const [ownToken, setOwnToken] = useState(remembered.token);
  const facts = factsOf(caller, tenants);
  const token = useRef<string | undefined>(undefined);
  token.current = tokenOf(caller, ownToken, tenants);
  const fetcher = useMemo(() => fetcherOf(() => token.current), []);
  const choose = (name: CallerName, typed: string): void => {
    setCaller(name);
    setOwnToken(typed);
    remember(name, typed);
  };
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={pageStorage}
      defaultTabs={examples.slice(0, 2).map((example) => textsOf(example, facts))}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>
        <span className="logo">GraphiQL</span>
      </GraphiQL.Logo>
      {createPortal(
        <Bar
          caller={caller}
          ownToken={ownToken}
          tenants={tenants}
          facts={facts}
          demoElsewhere={demoElsewhere}
          onChoose={choose}
        />,
        bar,
      )}
    </GraphiQL>
  );
}
