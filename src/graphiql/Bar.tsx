import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { type ChangeEvent, useEffect, useRef } from 'react';
import { type CallerName, type DemoTenant, demoCaller, NOBODY, OWN_TOKEN } from './callers';
import { type Example, type Facts, groups } from './example';
import { examples, textsOf } from './examples';
import icon from './icon.svg';

export interface BarProps {
  readonly caller: CallerName;
  readonly ownToken: string;
  readonly tenants: readonly DemoTenant[];
  readonly facts: Facts | undefined;
  readonly demoElsewhere: boolean;
  readonly onChoose: (caller: CallerName, ownToken: string) => void;
}

/** Puts an example into an empty tab, or into a new one, once there are editors. */
function useOpenExample(facts: Facts | undefined): ((example: Example) => void) | undefined {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(({ queryEditor, variableEditor }) => ({
    queryEditor,
    variableEditor,
  }));
  if (queryEditor === undefined || variableEditor === undefined) return undefined;
  return (example) => {
    if (queryEditor.getValue().trim() !== '') addTab();
    const { query, variables } = textsOf(example, facts);
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
    queryEditor.focus();
  };
}

/** A stream goes on with the token that it began with: whoever becomes somebody else starts it anew. */
function useStopOnChange(caller: CallerName, ownToken: string): void {
  const { stop } = useGraphiQLActions();
  const now = `${caller} ${ownToken}`;
  const before = useRef(now);
  useEffect(() => {
    if (before.current !== now) stop();
    before.current = now;
  }, [now, stop]);
}

function SignIn({ caller, ownToken, tenants, onChoose }: BarProps) {
  const choose = ({ target }: ChangeEvent<HTMLSelectElement>): void => onChoose(target.value, ownToken);
  return (
    <label className="choice">
      <span>Sign in as</span>
      <select value={caller} onChange={choose} name="caller">
        {tenants.map(({ tenantId, name, users }) => (
          <optgroup key={tenantId} label={`${name} (${tenantId})`}>
            {users.map(({ role }) => (
              <option key={role} value={demoCaller(tenantId, role)}>
                {`${role} · ${tenantId}`}
              </option>
            ))}
          </optgroup>
        ))}
        <option value={NOBODY}>nobody: an application in the field</option>
        <option value={OWN_TOKEN}>a token of my own</option>
      </select>
    </label>
  );
}

/** React would write the value of a field that it controls into the page's HTML, where it can be read and saved. */
function OwnToken({ ownToken, onChoose }: BarProps) {
  const field = useRef<HTMLInputElement>(null);
  const first = useRef(ownToken);
  useEffect(() => {
    if (field.current !== null) field.current.value = first.current;
  }, []);
  return (
    <label className="choice token">
      <span>Token</span>
      <input
        type="password"
        name="token"
        autoComplete="off"
        spellCheck={false}
        placeholder="eyJ…"
        title="Kept in this browser tab until it is closed"
        ref={field}
        onChange={({ target }) => onChoose(OWN_TOKEN, target.value)}
      />
    </label>
  );
}

function Examples({ facts }: BarProps) {
  const open = useOpenExample(facts);
  const choose = ({ target }: ChangeEvent<HTMLSelectElement>): void => {
    const example = examples.find(({ title }) => title === target.value);
    if (example !== undefined) open?.(example);
  };
  return (
    <label className="choice">
      <span>Examples</span>
      <select value="" onChange={choose} name="example" disabled={open === undefined}>
        <option value="" disabled>
          Open one …
        </option>
        {groups.map((group) => (
          <optgroup key={group} label={group}>
            {examples
              .filter((example) => example.group === group)
              .map(({ title }) => (
                <option key={title} value={title}>
                  {title}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

/** Above GraphiQL: whose page this is, who asks, and what one could ask. */
export function Bar(props: BarProps) {
  useStopOnChange(props.caller, props.ownToken);
  return (
    <>
      <h1>
        <img src={icon} alt="" width="22" height="22" />
        LicenseGraph
      </h1>
      <SignIn {...props} />
      {props.caller === OWN_TOKEN && <OwnToken {...props} />}
      <Examples {...props} />
      {props.demoElsewhere && props.caller === NOBODY && (
        <p className="hint">
          Demo tokens stand where the server was started; a page gets them only from one that listens on
          127.0.0.1.
        </p>
      )}
    </>
  );
}
