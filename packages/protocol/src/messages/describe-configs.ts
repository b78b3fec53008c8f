/** DescribeConfigs (key 32): settings of topics, brokers, groups and client metrics, with where each value comes from. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeConfigsRequest = message(
  'DescribeConfigsRequest',
  { versions: '1-4', flexible: 4 },
  {
    resources: array({ resourceType: int8(), resourceName: string(), configurationKeys: array({ nullable: true }, string()) }),
    includeSynonyms: bool(),
    includeDocumentation: bool({ since: 3 }),
  },
)

export interface DescribeConfigsRequest extends ValueOf<typeof DescribeConfigsRequest> {}

export const DescribeConfigsResponse = message(
  'DescribeConfigsResponse',
  { versions: '1-4', flexible: 4 },
  {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
        readOnly: bool(),
        configSource: int8({ default: -1, ignorable: true }),
        isSensitive: bool(),
        synonyms: array({ ignorable: true }, { name: string(), value: string({ nullable: true }), source: int8() }),
        configType: int8({ since: 3, ignorable: true }),
        documentation: string({ since: 3, nullable: true, ignorable: true }),
      }),
    }),
  },
)

export interface DescribeConfigsResponse extends ValueOf<typeof DescribeConfigsResponse> {}

export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  listeners: ['broker', 'controller'],
  request: DescribeConfigsRequest,
  response: DescribeConfigsResponse,
})
